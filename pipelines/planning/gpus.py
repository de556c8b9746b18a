"""Published peak figures of GPUs, and the share of them that a training is assumed to reach.

Peaks are of dense matrix products without sparsity, from NVIDIA's data sheets: H100 SXM (DS-10313), A100 SXM 80 GB, L4,
and the Ada architecture's white paper for the RTX 4090 (bfloat16 with accumulation in float32).

The assumed share, 25 %, lies in the lower part of what large trainings of matrix products have reached: 21 % (GPT-3) to
46 % (PaLM) of the peak (Chowdhery et al. 2022, arXiv 2204.02311, table 3). Networks of audio have smaller layers and
more of convolutions, STFTs and element-wise work, which reach less: halves and doubles of an estimate are possible.
"""

from dataclasses import dataclass

from data.errors import InputError

EFFICIENCY = 0.25
SOURCE = "21 to 46 % of the peak in large language models (arXiv 2204.02311, table 3); audio networks reach less"


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: name that selects it.
        bfloat16: peak of matrix products in bfloat16, in 1e12 operations a second.
        float32: the same in float32.
        memory: size of its memory in bytes.
    """

    name: str
    bfloat16: float
    float32: float
    memory: float

    def seconds(self, operations: float, precision: str) -> float:
        """Return the seconds that operations take at the assumed share of the peak.

        Args:
            operations: number of floating-point operations.
            precision: "bfloat16" or "float32".
        """
        return operations / (EFFICIENCY * 1e12 * (self.bfloat16 if precision == "bfloat16" else self.float32))


GPUS = {
    one.name: one
    for one in (
        Gpu("H100", 989.0, 67.0, 80e9),
        Gpu("A100", 312.0, 19.5, 80e9),
        Gpu("L4", 121.0, 30.3, 24e9),
        Gpu("RTX 4090", 165.2, 82.6, 24e9),
    )
}


def find_gpu(name: str) -> Gpu:
    """Return a GPU by its name; case, spaces and hyphens do not matter.

    Raises:
        InputError: there is none of that name in the table.

    Example:
        >>> find_gpu("rtx4090").name
        'RTX 4090'
    """

    def plain(text: str) -> str:
        return text.lower().replace(" ", "").replace("-", "")

    for one in GPUS.values():
        if plain(one.name) == plain(name):
            return one
    raise InputError(f"--gpu {name}: not in the table; there are {', '.join(GPUS)}")
