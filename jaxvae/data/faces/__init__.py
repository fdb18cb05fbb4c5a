"""Faces drawn by a program, with attributes in CelebA's sense."""

from jaxvae.data.faces.faces import COUNTS, SIZES, check_size, draw_face, draw_faces
from jaxvae.data.faces.traits import ATTRIBUTES

__all__ = ["ATTRIBUTES", "COUNTS", "SIZES", "check_size", "draw_face", "draw_faces"]
