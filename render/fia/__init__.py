"""FIA, the identity alignment network that repaints the mouth region (section 3.2 of the paper).

`network` needs torch and is imported by training and by the torch-tensorrt engine alone; all other
modules run on ONNX Runtime.
"""
