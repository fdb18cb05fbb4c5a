#!/usr/bin/env bash
# tensorflow-datasets 4.9.10 prepares array_record without TensorFlow up to 1,000 MiB a split, and no further.
#
# A builder whose examples need no TensorFlow is prepared and read without it, as long as the encoded examples of a split
# fit into 1,000 MiB. Beyond, the shuffler moves them from memory to temporary files, which it opens with tf.io.gfile: a
# data set that was tried out on a part fails when it is whole. Seen on Python 3.11:
#
#     992 MiB: 124 examples
#     1024 MiB: ModuleNotFoundError: No module named 'tensorflow'
#
# Needs 2 GB of memory. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-datasets==4.9.10 importlib_resources==6.5.2
cd "$folder"
cat > blobs.py <<'PYTHON'
import sys

import tensorflow_datasets as tfds

COUNT = int(sys.argv[1])


class Blobs(tfds.core.GeneratorBasedBuilder):
    """Examples of 8 MiB of text."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict({"blob": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(COUNT):
            yield number, {"blob": b"x" * (8 << 20)}


builder = Blobs(data_dir=f"data{COUNT}")
try:
    builder.download_and_prepare(file_format="array_record")
    result = f"{len(builder.as_data_source('train'))} examples"
except ModuleNotFoundError as error:
    result = f"ModuleNotFoundError: {error}"
with open("results", "a") as file:
    print(f"{8 * COUNT} MiB: {result}", file=file)
PYTHON
venv/bin/python blobs.py 124 >log 2>&1
venv/bin/python blobs.py 128 >log 2>&1
cat results
[ "$(cat results)" = "992 MiB: 124 examples
1024 MiB: ModuleNotFoundError: No module named 'tensorflow'" ]
