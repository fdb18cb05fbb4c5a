#!/usr/bin/env bash
# The extra `tpu` of the JAX that Colab preinstalls on TPU runtimes replaces the libtpu that Colab preinstalls beside it.
#
# On 2026-08-19 Colab's TPU runtime held jax 0.7.2, jaxlib 0.7.2 and libtpu 0.0.21.1 (googlecolab/backend-info,
# pip-freeze.tpu.txt). jax 0.7.2 declares `libtpu==0.0.23.*` for its extra `tpu`, so that `pip install "jax[tpu]"`, or a
# library with such an extra, finds jax in place and still exchanges the runtime's libtpu, with a package that wants
# jax[tpu] as the only sign. Seen with pip 24.2 on Python 3.13:
#
#     jax 0.7.2 with libtpu 0.0.21.1 in place: pip would install libtpu 0.0.23
#     both asked for: ResolutionImpossible
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=$folder/venv/bin/pip
"$pip" install --quiet --no-deps jax==0.7.2 jaxlib==0.7.2 libtpu==0.0.21.1
"$pip" install --quiet --dry-run --report "$folder/report.json" "jax[tpu]"
installs=$("$folder/venv/bin/python" - "$folder/report.json" <<'PYTHON'
import json
import sys

report = json.load(open(sys.argv[1]))
wanted = [(each["metadata"]["name"], each["metadata"]["version"]) for each in report["install"]]
print(*[f"{name} {version}" for name, version in wanted if name in ("jax", "jaxlib", "libtpu")], sep=", ")
PYTHON
)
echo "jax 0.7.2 with libtpu 0.0.21.1 in place: pip would install $installs"
both=$("$pip" install --dry-run "jax[tpu]==0.7.2" libtpu==0.0.21.1 2>&1 | grep -o "ResolutionImpossible" || true)
echo "both asked for: $both"
[ "$installs" = "libtpu 0.0.23" ] && [ "$both" = ResolutionImpossible ]
