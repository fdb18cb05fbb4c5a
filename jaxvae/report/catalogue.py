"""One column for each metric that the library and its experiments show, whatever table or curve shows it.

A key means the same number in results.json, in metrics.jsonl and in `jaxvae.evaluate`. Keys with a brace, such as
"kl_{}", are families: one column for each latent dimension, level, class or sampler.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jaxvae.report.column import Column

_RECONSTRUCTIONS = (
    Column(
        key="ssim",
        title="SSIM",
        better="higher",
        note="Structural similarity of image and reconstruction, at most 1.",
    ),
    Column(
        key="ssim_train",
        title="SSIM, training",
        better="higher",
        note="The same of images that the model was trained on.",
    ),
    Column(
        key="ssim_gap",
        title="SSIM, training minus held-out",
        better="lower",
        note="How much the SSIM of images that the model was trained on is above that of held-out images.",
    ),
    Column(
        key="ms_ssim",
        title="MS-SSIM",
        better="higher",
        note="Structural similarity of image and reconstruction at several scales, at most 1.",
    ),
    Column(
        key="lpips",
        title="LPIPS",
        better="lower",
        note="Learned perceptual distance of image and reconstruction, in the features of VGG16.",
    ),
    Column(
        key="bce",
        title="BCE",
        unit="nats",
        digits=1,
        better="lower",
        note="Bernoulli cross-entropy of image and reconstruction, summed over pixels.",
    ),
    Column(
        key="mse",
        title="MSE",
        digits=4,
        better="lower",
        note="Squared error of the reconstruction, averaged over pixels and channels.",
    ),
    Column(
        key="mse_share",
        title="MSE share",
        better="lower",
        note="Squared error of the reconstruction, divided by the mean squared error of two different images.",
    ),
    Column(
        key="colour_error",
        title="Colour error",
        digits=4,
        better="lower",
        note="Difference between the mean colours of image and reconstruction, 0 to 1.",
    ),
    Column(
        key="checkerboard",
        title="Checkerboard",
        digits=5,
        better="lower",
        note="Share of the reconstructions' energy in patterns that repeat every 2 pixels, the decoder's stride.",
    ),
    Column(
        key="feature_distance",
        title="Feature distance",
        better="lower",
        note="Distance between image and reconstruction in a classifier's features; 1 is the mean distance between "
        "two images.",
    ),
    Column(
        key="recognised",
        title="Recognised",
        better="higher",
        note="Share of reconstructions that are nearer to their own image than to any other in a classifier's "
        "features.",
    ),
    Column(
        key="attributes_kept",
        title="Attributes kept",
        better="higher",
        note="Share of the images' attributes that a classifier also finds in their reconstructions.",
    ),
)

_BOUNDS = (
    Column(
        key="elbo",
        title="ELBO",
        unit="nats",
        digits=1,
        better="higher",
        note="Evidence lower bound, -(BCE + KL) with unit weights; conditional models are given the label.",
    ),
    Column(
        key="iwae",
        title="log p(x)",
        unit="nats",
        digits=1,
        better="higher",
        note="Importance-weighted lower bound of the log likelihood with Bernoulli pixels.",
    ),
    Column(
        key="kl",
        title="KL",
        unit="nats",
        digits=1,
        note="KL divergence of the posterior from the model's own prior, summed over latent dimensions.",
    ),
    Column(
        key="kl_{}",
        title="KL, dimension {}",
        unit="nats",
        digits=2,
        note="Dimensions sorted by KL, largest first; a dimension near 0 is unused.",
    ),
)

_SAMPLES = (
    Column(
        key="fid",
        title="FID",
        digits=1,
        better="lower",
        note="Fréchet distance between samples and real images in the features of Inception v3; biased upwards, more "
        "so with fewer images.",
    ),
    Column(key="fid_ratio", title="FID / published", digits=2, note="FID divided by the published one."),
    Column(
        key="kid",
        title="KID",
        digits=4,
        better="lower",
        note="Kernel Inception distance between samples and real images, an unbiased estimate.",
    ),
    Column(
        key="classifier_fid",
        title="Classifier FID",
        digits=1,
        better="lower",
        note="Fréchet distance between samples and real images in the last hidden layer of a classifier trained on "
        "the same data.",
    ),
    Column(
        key="histogram",
        title="Colour distance",
        better="lower",
        note="Share of the pixels that would have to change colour to give the real images' colour histogram.",
    ),
    Column(
        key="shift",
        title="Colour shift",
        digits=4,
        better="lower",
        note="Difference between the mean colour of all samples and that of the real images, 0 to 1.",
    ),
    Column(
        key="sharpness_ratio",
        title="Sharpness",
        unit="data = 1",
        note="Variance of the Laplacian of samples, divided by that of the data.",
    ),
    Column(
        key="sure",
        title="Sure samples",
        better="higher",
        note="Share of samples in which a classifier gives one class a probability of at least 0.9.",
    ),
    Column(
        key="effective_classes",
        title="Effective classes",
        digits=2,
        better="higher",
        note="Exponential of the entropy of the classes that a classifier finds in samples: as many classes of equal "
        "share would have it.",
    ),
    Column(
        key="class_coverage",
        title="Coverage",
        better="higher",
        note="Share of 2,000 real images with one of 2,000 samples in their neighbourhood, the ball to the fifth "
        "nearest other real image, in the last hidden layer of a classifier (Naeem et al., 2020).",
    ),
    Column(
        key="found_{}",
        title="{}",
        note="Share of all samples in which a classifier gives this class a probability of at least 0.9.",
    ),
    Column(
        key="local_distance",
        title="Local distance",
        unit="variance of data = 1",
        better="lower",
        note="Fréchet distance between samples and real images in a classifier's early activations, of 5 x 5 pixels "
        "each: edges and textures, wherever they are.",
    ),
    Column(
        key="global_distance",
        title="Global distance",
        unit="variance of data = 1",
        better="lower",
        note="Fréchet distance between samples and real images in a classifier's last hidden layer, which sees the "
        "whole image.",
    ),
    Column(
        key="certainty",
        title="Certainty",
        unit="data = 1",
        note="Share of the attributes that a classifier is sure of in samples, with a probability below 0.1 or above "
        "0.9, divided by that in real images.",
    ),
    Column(
        key="sharpness_{}",
        title="Sharpness, {}",
        unit="data = 1",
        note="Variance of the Laplacian of samples in a central disc or at the border around it, divided by that of "
        "the data there.",
    ),
    Column(
        key="error_{}",
        title="Error, {}",
        unit="variance of data = 1",
        better="lower",
        note="Squared error of reconstructions in a central disc or at the border around it, divided by the variance "
        "of the data there.",
    ),
    Column(
        key="diversity",
        title="Diversity",
        unit="data = 1",
        note="Mean distance between two samples in a classifier's features, divided by that of the data.",
    ),
    Column(
        key="distinctness",
        title="Distinctness",
        unit="data = 1",
        note="Median distance of a sample to the most similar other one at 8 x 8 pixels, divided by that of the data.",
    ),
)

_CODES = (
    Column(
        key="active_units",
        title="Active units",
        digits=0,
        note="Latent dimensions whose posterior mean has a variance above 0.01 over the images (Burda et al.).",
    ),
    Column(
        key="mmd",
        title="MMD²",
        digits=5,
        better="lower",
        note="Squared maximum mean discrepancy between codes and draws from the prior; a model with several "
        "levels has their sum.",
    ),
    Column(
        key="mmd_floor_std",
        title="MMD² floor",
        digits=5,
        note="Standard deviation of the squared MMD between two sets of draws from the prior, whose mean is 0: "
        "smaller values of MMD² are noise.",
    ),
    Column(
        key="mmd_floor_std_z{}",
        title="MMD² floor z{}",
        digits=5,
        note="Standard deviation of the squared MMD between two sets of draws from the prior, whose mean is 0: "
        "smaller values of MMD² are noise.",
    ),
    Column(
        key="mmd_z{}",
        title="MMD² z{}",
        digits=5,
        better="lower",
        note="Squared maximum mean discrepancy between one level's codes and draws from N(0, I); z1 "
        "is the bottom level.",
    ),
    Column(
        key="kl_z{}",
        title="KL z{}",
        unit="nats",
        digits=1,
        note="KL divergence of one level's posterior from N(0, I).",
    ),
    Column(
        key="class_z{}",
        title="Class from z{}",
        note="Share of images whose class a Parzen classifier predicts from the codes of all others at that level.",
    ),
    Column(
        key="active_units_z{}",
        title="Active units z{}",
        digits=0,
        note="Dimensions of the level whose posterior mean has a variance above 0.01 over the images (Burda et al.).",
    ),
    Column(
        key="two_sample",
        title="Two-sample test",
        better="lower",
        note="How often a point's nearest neighbours tell whether it is a code or a draw from the prior; 0.5 if "
        "they cannot.",
    ),
    Column(
        key="holes",
        title="Holes",
        better="lower",
        note="Share of draws from the prior that lie farther from the codes than 95 % of such draws lie from each "
        "other; 0.05 if the codes have the prior's distribution.",
    ),
    Column(
        key="mode_match",
        title="Mode match",
        better="higher",
        note="1 minus the total variation between codes and prior over the dense region of each part of the prior "
        "and the rest.",
    ),
    Column(
        key="purity",
        title="Purity",
        better="higher",
        note="Share of the images decoded from one part of the prior that have the part's commonest class.",
    ),
    Column(
        key="code_agreement",
        title="Code agreement",
        better="higher",
        note="Share of held-out images whose code lies in the prior's part for their class.",
    ),
    Column(
        key="w_accuracy",
        title="Label from w",
        digits=4,
        better="higher",
        note="Share of held-out images whose label the head on w predicts from the posterior mean.",
    ),
    Column(
        key="z_accuracy",
        title="Label from z",
        digits=4,
        better="lower",
        note="Share of held-out images whose label a network trained on the posterior means of z predicts.",
    ),
    Column(
        key="chance",
        title="Chance",
        digits=4,
        note="Share of the commonest label: the accuracy without any information.",
    ),
)

_LABELS = (
    Column(
        key="accuracy",
        title="Test accuracy",
        digits=4,
        better="higher",
        note="Share of held-out images that the classifier assigns to their own class.",
    ),
    Column(
        key="agreement",
        title="Label agreement",
        digits=4,
        better="higher",
        note="Share of generated images that a classifier takes for the class asked for.",
    ),
    Column(
        key="region_agreement",
        title="Region agreement",
        digits=4,
        better="higher",
        note="As label agreement, but of the part of the prior in which the draw lies, as parts overlap.",
    ),
    Column(key="agreement_{}", title="{}"),
    Column(
        key="switched",
        title="Switched",
        digits=4,
        better="higher",
        note="Share of held-out images that a classifier assigns to the other label after w is exchanged for that "
        "of an image with the other label, z unchanged.",
    ),
    Column(
        key="attribute_accuracy",
        title="Accuracy",
        better="higher",
        note="Share of the attributes asked for that a classifier finds, averaged over attributes.",
    ),
    Column(
        key="attribute_floor",
        title="Floor",
        note="Accuracy measured against other images' attributes: what a model that ignores the request reaches.",
    ),
    Column(
        key="attribute_unseen",
        title="New combinations",
        better="higher",
        note="Accuracy for combinations of attributes that no training image has.",
    ),
    Column(
        key="attribute_exact",
        title="All right",
        better="higher",
        note="Share of images in which the classifier finds exactly the attributes asked for.",
    ),
    Column(
        key="attribute_cosine",
        title="Cosine",
        better="higher",
        note="Mean cosine of the attributes asked for and those that the classifier finds, in [-1, 1].",
    ),
    Column(key="attribute_{}", title="{}"),
)

_CANDIDATES = (
    Column(key="candidates", title="Candidates", digits=0),
    Column(key="mean_score", title="Mean score", digits=4, better="higher"),
    Column(
        key="score",
        title="Score",
        better="higher",
        note="The smaller of two class probabilities, lowered for blurred images; at most 0.5.",
    ),
    Column(key="p_{}", title="p({})"),
    Column(
        key="both",
        title="Both",
        better="higher",
        note="Share of pictures of which both classes are the two most probable ones.",
    ),
    Column(
        key="relative_sharpness",
        title="Sharpness",
        unit="typical = 1",
        digits=2,
        note="Variance of the image's Laplacian, divided by the median of reconstructions.",
    ),
)

_TERMS = (
    Column(key="reconstruction", title="Reconstruction", unit="nats", digits=1, better="lower"),
    Column(key="ssim_loss", title="1 - SSIM", better="lower"),
    Column(key="ms_ssim_loss", title="1 - MS-SSIM", better="lower"),
    Column(key="squared_error", title="Squared error", unit="sum over pixels", digits=1, better="lower"),
    Column(key="absolute_error", title="Absolute error", unit="sum over pixels", digits=1, better="lower"),
    Column(
        key="colour_loss",
        title="Colour loss",
        digits=5,
        better="lower",
        note="Squared error of images averaged down to 3 x 3 pixels.",
    ),
    Column(key="perceptual", title="Perceptual loss", better="lower"),
    Column(key="deep_features", title="Deep feature loss", better="lower"),
    Column(key="vgg", title="VGG feature loss", better="lower"),
    Column(key="feature_likelihood", title="Feature likelihood", unit="nats", digits=1, better="lower"),
    Column(key="recognition", title="Classifier cross-entropy", unit="nats", better="lower"),
    Column(key="cross_entropy", title="Label cross-entropy", unit="nats", better="lower"),
    Column(key="dependence", title="HSIC of z and label", digits=5, better="lower"),
    Column(key="adversarial_real", title="Discriminator, real images"),
    Column(key="adversarial_reconstruction", title="Discriminator, reconstructions"),
    Column(key="adversarial_sample", title="Discriminator, samples"),
    Column(key="adversarial_prior", title="Discriminator, draws from the prior"),
    Column(key="adversarial_code", title="Discriminator, codes"),
    Column(key="generator_reconstruction", title="Generator, reconstructions"),
    Column(key="generator_sample", title="Generator, samples"),
    Column(key="generator_code", title="Generator, codes"),
    Column(key="gradient_penalty", title="Gradient penalty"),
    Column(key="sample_diversity", title="Batch diversity", unit="data = 1"),
    Column(key="encoder_loss", title="Encoder loss"),
    Column(key="decoder_loss", title="Decoder loss"),
    Column(key="discriminator_loss", title="Discriminator loss"),
    Column(key="decoder_moves", title="Decoder updates", unit="share of steps"),
    Column(key="discriminator_moves", title="Discriminator updates", unit="share of steps"),
)
"""Terms of losses and what a game logs besides; as loss terms are logged unweighted."""

_GROUPS = (
    _RECONSTRUCTIONS,
    _BOUNDS,
    _SAMPLES,
    _CODES,
    _LABELS,
    _CANDIDATES,
    _TERMS,
    (
        Column(key="parameters", title="Parameters", digits=0, note="Number of trained parameters."),
        Column(
            key="diverged",
            title="Diverged",
            digits=2,
            better="lower",
            note="Share of seeds whose loss was not finite, or whose reconstructions are no better than one picture "
            "for all images.",
        ),
        Column(
            key="epoch_seconds",
            title="Time",
            unit="s an epoch",
            digits=1,
            better="lower",
            note="Steps of one model that is trained alone, timed after the training.",
        ),
        Column(
            key="time_ratio",
            title="Time",
            unit="first row = 1",
            digits=2,
            better="lower",
            note="Time of a step, divided by that of the first row.",
        ),
    ),
)

CATALOGUE: Mapping[str, Column] = {column.key: column for group in _GROUPS for column in group}
"""By key."""


def columns(*metrics: str | Column) -> list[Column]:
    """Columns of a table.

    Args:
        metrics: keys of the catalogue, and columns of metrics that it lacks.

    Returns:
        One column each, in the same order.

    Raises:
        ValueError: a key is not in the catalogue, or is that of a family.
    """
    return [_find(metric) if isinstance(metric, str) else metric for metric in metrics]


def family(key: str, members: Iterable[object] | Mapping[Any, str]) -> list[Column]:
    """Columns of a metric that is measured once for each of several dimensions, levels, classes or samplers.

    `family("kl_{}", range(1, 3))` is "kl_1" and "kl_2"; `family("fid_{}", {"prior": "prior"})` is "fid_prior" with
    the title "FID, prior".

    Args:
        key: a family of the catalogue, or any of its keys followed by "_{}".
        members: what stands in place of the braces; as a mapping, with what the title says of each, otherwise the
            title repeats the member with spaces for underscores.

    Returns:
        One column for each member, in the same order.

    Raises:
        ValueError: the catalogue has no such family and no such key.
    """
    if not key.endswith("{}"):
        raise ValueError(f"a family's key ends with braces, such as {key + '_{}'!r}, got {key!r}.")
    base = CATALOGUE.get(key)
    if base is None:
        single = _find(key.removesuffix("{}").removesuffix("_"))
        base = replace(single, key=key, title=f"{single.title}, {{}}")
    titles = (
        members if isinstance(members, Mapping) else {each: str(each).replace("_", " ") for each in members}
    )
    return [
        replace(base, key=base.key.format(member), title=base.title.format(title))
        for member, title in titles.items()
    ]


def curve_columns(names: Iterable[str]) -> list[Column]:
    """Columns of the terms of a loss, which may be a user's own.

    Args:
        names: keys of metrics.jsonl.

    Returns:
        The catalogue's columns, and for a name that it lacks one whose title is the name in words.
    """
    return [CATALOGUE.get(name) or Column(key=name, title=_in_words(name)) for name in names]


def _find(key: str) -> Column:
    if "{}" in key:
        raise ValueError(f"{key!r} is a family of columns; use report.family({key!r}, members).")
    if key not in CATALOGUE:
        near = difflib.get_close_matches(key, CATALOGUE, n=3)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise ValueError(
            f"no column is known for the metric {key!r}{hint}; give a report.Column(key={key!r}, title=…) in its place."
        )
    return CATALOGUE[key]


def _in_words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
