"""The dreams: candidates for winged horses of a trained model, ranked by a rule, with the best shown large."""

from collections.abc import Mapping

import jaxvae
from experiments.winged_horses.candidates import make_candidates
from experiments.winged_horses.config import Config
from experiments.winged_horses.dreams_page import make_blocks, title
from experiments.winged_horses.dreams_tables import kinds_table
from experiments.winged_horses.pictures import classes_with_pictures, encode_labelled, find_pair
from experiments.winged_horses.ranking import fit_judge, rank, worth
from jaxvae import report, study

NONE = (
    "There are no dreams: they lie between two classes of labelled pictures, and the data has fewer than two."
)


def run(experiment: study.Experiment, config: Config, model_run: jaxvae.Run) -> study.Section:
    """Makes candidates with a trained model and ranks them.

    Args:
        experiment: the run, opened.
        config: its flags.
        model_run: the trained model.

    Returns:
        A row for each way to make candidates, and the pictures; a sentence alone if there are no two classes.

    Raises:
        ValueError: the flags name a class that there is not.
    """
    dataset, test_set = experiment.source.dataset, experiment.test_set
    classes = find_pair(dataset, config.pair)
    if classes is None:
        return study.Section(tables=[], blocks=[report.Heading("Dreams"), report.Paragraph(NONE)], words=NONE)
    pictures = encode_labelled(model_run, dataset, classes_with_pictures(dataset))
    candidates = make_candidates(
        model_run,
        pictures,
        classes=classes,
        pairs=config.pairs,
        steps=config.interpolation_steps,
        midpoints=config.midpoints,
        seed=config.seed,
    )
    judge = fit_judge(pictures)
    ranking = rank(model_run, candidates.images, judge, pictures, classes=classes)
    known: dict[str, float] = {}
    if set(pictures.class_names) & set(classes_with_pictures(test_set)):
        validation = encode_labelled(model_run, test_set, pictures.class_names)
        known = worth(model_run, judge, validation, classes=classes)
    table = kinds_table(candidates, ranking)
    best = int(ranking.order[0])
    score = float(ranking.scores[best])
    found = f"{title(classes)} of {len(candidates.images):,}: {candidates.words[best]}, score {score:.3f}."
    summary: dict[str, float | int | str] = {"dream": candidates.words[best], "dream_score": score}
    return study.Section(
        tables=[table],
        blocks=make_blocks(
            experiment.workdir.figures,
            pictures,
            candidates,
            ranking,
            table=table,
            words=describe(known, classes),
        ),
        summary=summary | {f"dream_judge_{name}": value for name, value in known.items()},
        words=f"{found} {describe(known, classes)}",
    )


def describe(known: Mapping[str, float], classes: tuple[str, str]) -> str:
    """How far the judge can be trusted."""
    if not known:
        return (
            "No validation picture has a label, so it is not known how often the nearest class mean is right."
        )
    words = (
        f"The nearest class mean tells the class of {known['accuracy']:.1%} of the validation pictures rightly, and of "
        f"{known['reconstructed_accuracy']:.1%} from their reconstructions, on the mean over classes, where chance is "
        f"{known['chance']:.1%}"
    )
    if "pair_accuracy" in known:
        words += (
            f"; for telling “{classes[0]}” from “{classes[1]}” it is {known['pair_accuracy']:.1%} beside 50%"
        )
    return f"{words}."
