"""Variational autoencoders on JAX."""
