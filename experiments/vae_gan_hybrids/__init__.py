"""The lecture "Combining VAEs and GANs".

`aae` and the modules that begin with it are about the adversarial autoencoder, `vaegan` and its own about the VAE-GAN;
`stability` is about runs that fail. Each of the two has rows, which are compared, flags, measures and a page.
"""
