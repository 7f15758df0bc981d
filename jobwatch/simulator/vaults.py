"""The vaults of a simulated account, each a world of jobs of its own: pure.

Everything that can be done with a world can be done with each vault's; vaults may come and go while the cloud runs.
"""

from collections.abc import Mapping
from datetime import datetime
from zlib import crc32

from jobwatch.simulator.vault_lives import VaultArrivals, vault_history, vault_under_way
from jobwatch.simulator.world import World

VAULTS = ("backup", "ledgers")


class VaultWorld:
    """Vault name to world. A vault is listed by its name, in the order of the letters' codes."""

    def __init__(
        self, vaults: Mapping[str, World] | None = None, *, region: str = "ap-chengdu"
    ) -> None:
        self.region = region
        self._vaults = dict(vaults or {})

    @classmethod
    def generate(
        cls,
        *,
        start: datetime,
        seed: int = 0,
        jobs: int = 20,
        speed: float = 1.0,
        names: tuple[str, ...] = VAULTS,
    ) -> "VaultWorld":
        """Draw vaults with `jobs` jobs at `start` in all, a third of them under way, and more to come in each."""
        shares = [jobs // len(names) + (n < jobs % len(names)) for n in range(len(names))]
        return cls(
            {
                name: _drawn(crc32(f"{seed}/{name}".encode()), share, start, speed)
                for name, share in zip(names, shares, strict=True)
            }
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every vault, in the order in which they are listed."""
        return tuple(sorted(self._vaults))

    def __getitem__(self, name: str) -> World:
        return self._vaults[name]

    def find(self, name: str) -> World | None:
        """The jobs of a vault, None where there is no such vault."""
        return self._vaults.get(name)

    def add(self, name: str, world: World | None = None) -> World:
        """Create a vault, empty unless said otherwise, in place of one with the same name."""
        self._vaults[name] = World() if world is None else world
        return self._vaults[name]

    def remove(self, name: str) -> None:
        """Delete a vault with its jobs. KeyError where there is no such vault."""
        del self._vaults[name]

    def freeze(self, at: datetime) -> None:
        """Let every vault that there is stand still at a time."""
        for world in self._vaults.values():
            world.freeze(at)

    def thaw(self) -> None:
        """Let them move again."""
        for world in self._vaults.values():
            world.thaw()


def _drawn(seed: int, jobs: int, start: datetime, speed: float) -> World:
    live = -(-jobs // 3)
    scripts = [
        *vault_history(seed, jobs - live, start),
        *vault_under_way(seed, live, start, speed),
    ]
    return World(scripts, arrivals=VaultArrivals(seed=seed, start=start, speed=speed))
