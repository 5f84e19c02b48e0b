"""Trains the models, exports ONNX files with their manifests, and checks what they can do.

    digits   MLP and CNN, each in f32 and in static int8
    risk     a calibrated probability from a table row
    anomaly  how unusual each transfer of a window is
    load     convolutions with random weights, for load tests

    python train.py            writes the files
    python train.py --check    trains again and compares with the files that are there

The same bytes come out on every x86-64 machine with AVX2: the kernels of numpy and OpenBLAS are pinned below, everything random has a seed, and nothing writes a time.
"""

import os
import sys

# Before numpy is loaded: other machines would take other kernels, which round differently.
PINNED = {
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}
if any(os.environ.get(name) != value for name, value in PINNED.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **PINNED})

import warnings

# A machine without AVX-512 says that it cannot be turned off.
warnings.filterwarnings("ignore", category=ImportWarning)
warnings.filterwarnings("ignore", message=".*NPY_DISABLE_CPU_FEATURES.*")

from training import anomaly, digits, load, manifest, risk


def main() -> int:
    artefacts = manifest.Artefacts()
    for part in (digits, risk, anomaly, load):
        part.build(artefacts)
    if sys.argv[1:] == ["--check"]:
        return artefacts.compare()
    if sys.argv[1:]:
        print(__doc__)
        return 2
    artefacts.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
