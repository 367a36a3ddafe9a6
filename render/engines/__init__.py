"""Inference back ends: one small interface, chosen by measurement, falling back aloud."""
