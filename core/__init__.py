"""What the product is about: no Qt, no device, no file dialog."""
