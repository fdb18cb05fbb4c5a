import json
import re
import subprocess
import sys

import pytest
import untyped_calls

MESSAGES = {
    "variants without numbers": r"variants must be a dictionary of names and numbers, got \['a'\]",
    "a number in place of a variant": r"variant 'a' must be a dictionary such as .*, got 0\.1",
    "a string in place of a number": r"variant 'a' must be a dictionary such as .*, got \{'kl': '0\.1'\}",
    "a number in place of a term": r"Term mine must be a function \(key, output, batch\), got 1\.0",
    "a term that returns nothing": r"Term mine must return one value per example, .*, got NoneType",
    "a sampler's name": r"sampler must be a function \(key, n\), as .*make_sampler makes it, got 'mixture'",
    "a key in place of a seed": r"seed must be a whole number from 0 to 4294967295, got a PRNGKeyArray",
    "an array in place of a seed": r"seed must be a whole number from 0 to 4294967295, got a ndarray",
    "a fraction in place of a seed": r"seed must be a whole number from 0 to 4294967295, got 0\.5",
    "images without channels": r"Images must be an array \[n, height, width, channels\], got shape \(2, 8, 8\); "
    r"give grey images as images\[\.\.\., None\]",
    "labels as strings": r"Labels must be integers, got <U\d+; number the classes and give their names as class_names",
    "labels in a column": r"Labels must be an array \[n\], one integer per image, got shape \(2, 1\)",
    "one-hot labels": r"Labels .* got shape \(2, 2\); of one-hot labels, give labels\.argmax\(1\)",
    "labels in lists": r"Labels must be one integer per image, got lists of unequal length",
    "labels that are no integers": r"Labels must be integers, got float64",
}


@pytest.fixture(scope="module")
def outcomes():
    """Outcomes of a process in which no hook checks annotations, as for a user."""
    command = [sys.executable, untyped_calls.__file__]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", untyped_calls.CALLS)
def test_a_wrong_type_is_refused_in_one_line(outcomes, name):
    assert re.fullmatch(rf"ValueError: {MESSAGES[name]}.*\.", outcomes[name])
