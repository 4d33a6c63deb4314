"""Alias tables: a draw from any distribution over k classes costs one look-up, whatever k is."""

from typing import NamedTuple

import torch
from torch import Tensor


class AliasTable(NamedTuple):
    """A distribution cut into k columns of equal mass, each shared by at most two classes."""

    keep: Tensor
    """(k,) float64: the part of column j that belongs to class j."""
    alias: Tensor
    """(k,) int64: the class that the rest of column j belongs to."""

    @classmethod
    def of(cls, p: Tensor) -> "AliasTable":
        """Return the table of probabilities (k,) that sum to 1.

        Vose (1991), IEEE Trans. Softw. Eng. 17(9), fills the columns of light classes (less than
        1/k) one after the other from one heavy class at a time. Which heavy class that is follows
        from running sums of what the light ones lack and the heavy ones have to spare (Hübschle-
        Schneider & Sanders 2019, arXiv 1903.00227, section 4.2), so no loop over classes is needed.
        """
        mass = p.to(torch.float64) * len(p)
        light, heavy = (mass < 1).nonzero()[:, 0], (mass >= 1).nonzero()[:, 0]
        keep, alias = torch.ones_like(mass), torch.arange(len(p), device=p.device)
        if len(light) == 0 or len(heavy) == 0:  # all equal, up to rounding
            return cls(keep, alias)
        lacks = (1 - mass[light]).cumsum(0)
        spare = (mass[heavy] - 1).cumsum(0)
        last = len(heavy) - 1
        keep[light] = mass[light]
        filled_by = torch.searchsorted(spare, lacks - (1 - mass[light]))  # spent only before it
        alias[light] = heavy[filled_by.clamp(max=last)]
        # A heavy class that has given more than it had to spare is filled up by the next one.
        emptied_by = torch.searchsorted(lacks, spare)
        is_emptied = emptied_by < len(light)
        is_emptied[last] = False  # what it lacks is rounding
        left = 1 + spare - lacks[emptied_by.clamp(max=len(light) - 1)]
        keep[heavy] = torch.where(is_emptied, left.clamp(0, 1), 1.0)
        alias[heavy[:-1]] = heavy[1:]
        return cls(keep, alias)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return n independent draws (n,), int64."""
        device = self.keep.device
        column = torch.randint(len(self.keep), (n,), generator=generator, device=device)
        height = torch.rand(n, generator=generator, device=device, dtype=torch.float64)
        return torch.where(height < self.keep[column], column, self.alias[column])
