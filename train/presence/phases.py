"""The two phases of a net with a presence and a location head (UC San Diego report).

Phase 1 trains trunk and presence head. Phase 2 trains the location head on the trunk that phase 1
left, which is frozen unless the recipe says otherwise. The phase follows from the step alone, so a
resumed run is in the right one.
"""

from torch import Tensor, nn

from ...core.errors import KincapError
from ..loss import Norm, WholeBatch, pose_loss, presence_loss
from ..nets.output import NetOutput
from ..nets.ucsd import PresenceLocation
from ..recipe import Recipe


def check_phases(net: nn.Module, recipe: Recipe) -> None:
    """Refuse a phase of presence for a net that has no such head.

    Raises:
        KincapError: The recipe has one.
    """
    if recipe.presence_share and not isinstance(net, PresenceLocation):
        raise KincapError(
            f"--set: presence_share={recipe.presence_share:g}: this net has no presence head; "
            "leave it out, or use a net of ucsd"
        )


class Phases:
    """The phases of a run.

    Args:
        net: The net that learns; which of its weights do changes with the phase.
        recipe: Has the share of the first phase.
        steps: Steps of the whole run.
        ranks: Number of processes that share each batch.
    """

    def __init__(self, net: nn.Module, recipe: Recipe, steps: int, ranks: int = 1) -> None:
        self._net_of_two = net if isinstance(net, PresenceLocation) else None
        self._freezes, self._steps, self._ranks = recipe.freeze_trunk, steps, ranks
        self.first_steps = 0
        if self._net_of_two is not None:
            self.first_steps = min(steps, round(recipe.presence_share * steps))
        self._now: int | None = None

    def phase(self, step: int) -> int:
        """Return the phase of a step, from 0: 1 or 2; 0 where all heads learn together."""
        if not self.first_steps:
            return 0
        return 1 if step < self.first_steps else 2

    def span(self, step: int) -> tuple[int, int]:
        """Return the first step of a step's phase and the number of its steps."""
        if self.phase(step) == 2:
            return self.first_steps, self._steps - self.first_steps
        return 0, self.first_steps or self._steps

    def begin(self, step: int) -> None:
        """Let the weights of a step's phase learn and no others; the net is in training mode."""
        phase = self.phase(step)
        if self._net_of_two is None:
            return
        if phase == 2 and self._freezes:
            # a frozen trunk gives what it will give in use, without dropout
            for part in (self._net_of_two.trunk, self._net_of_two.branch):
                part.eval()
        if phase == self._now or self._ranks > 1:
            return
        self._now = phase
        for name, weights in self._net_of_two.named_parameters():
            weights.requires_grad_(self._learns(name, phase))

    def keep_others(self, step: int) -> None:
        """Take away the gradients of weights that do not learn in a step's phase.

        Several processes compute all gradients, those of no use too: they wait for each other's.
        """
        phase = self.phase(step)
        if phase and self._net_of_two is not None:
            for name, weights in self._net_of_two.named_parameters():
                if not self._learns(name, phase):
                    weights.grad = None

    def loss(
        self,
        output: NetOutput,
        targets: Tensor,
        weight: Tensor,
        norm: Norm,
        whole: WholeBatch | None,
        step: int,
    ) -> Tensor:
        """Return the loss of a step's phase, see ``loss.pose_loss``."""
        phase, presence = self.phase(step), output.presence
        if not phase or presence is None:
            return pose_loss(output, targets, weight, norm, whole)
        if phase == 1:
            return presence_loss(presence, weight) / self._ranks + 0 * output.coords.sum()
        alone = pose_loss(output._replace(presence=None), targets, weight, norm, whole)
        return alone + 0 * presence.sum()

    def _learns(self, name: str, phase: int) -> bool:
        head = name.partition(".")[0]
        if phase == 1:
            return head != "location"
        if phase == 2:
            return head == "location" or not (self._freezes or head == "presence")
        return True
