import pytest

from benchmarks import files


@pytest.mark.parametrize(
    ("cpuinfo", "sets"),
    [
        (
            "processor\t: 0\nflags\t\t: fpu fma avx avx2 avx512f avx512_bf16\n\nprocessor: 1\nflags: amx_tile\n",
            ["AVX2", "AVX-512", "AVX-512 for bfloat16"],
        ),
        ("Features\t: fp asimd sve bf16\n", ["SVE", "bfloat16"]),
        ("model name: one without any\nflags: fpu\n", []),
        ("", []),
    ],
)
def test_instruction_sets_are_those_of_the_first_processor(cpuinfo, sets):
    assert files.instruction_sets(cpuinfo) == sets


def test_a_file_names_the_machine():
    results = files.header({}, {})
    line = files.machine(results)
    assert line.startswith(f"{results['machine']['processor']}, {results['machine']['cores']} cores, with ")
    assert all(name in line for name in results["machine"]["instruction_sets"])
