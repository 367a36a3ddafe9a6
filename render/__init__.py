"""From expression coefficients to pictures, and from pictures to files and cameras."""
