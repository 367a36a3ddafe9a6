"""From a picture file to an avatar: reading, finding the face, fitting the model, judging."""
