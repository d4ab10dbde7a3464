"""Training recipes: every figure of a training, apart from the net and the data."""

from dataclasses import dataclass, field, replace

from .augment import AugmentSettings


@dataclass(frozen=True)
class Recipe:
    """The training recipe of a net.

    Attributes:
        epochs: Passes over all samples, where ``steps`` is None.
        steps: Number of batches, or None.
        least_steps: Lowest number of steps that ``epochs`` may come to.
        batch: Samples in a batch (all of them where there are fewer).
        optimizer: ``"sgd"`` or ``"adamw"``.
        lr: Learning rate; its peak where it changes.
        momentum: Momentum of SGD.
        weight_decay: Applied to weights of two and more dimensions.
        warmup_steps: Steps over which the rate rises linearly.
        cosine: True if the rate then falls to 0 along a cosine; else it is constant.
        ema: Decay of the running mean of the weights that is validated and saved; 0 for none.
        augment: Changes of the training copies.
    """

    epochs: int
    steps: int | None = None
    least_steps: int = 0
    batch: int = 256
    optimizer: str = "sgd"
    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_steps: int = 0
    cosine: bool = False
    ema: float = 0.0
    augment: AugmentSettings = field(default_factory=AugmentSettings)

    def with_adamw(self, lr: float) -> "Recipe":
        """Return the same recipe with AdamW, a warm-up and a cosine.

        Args:
            lr: The peak of the learning rate.
        """
        return replace(
            self, optimizer="adamw", lr=lr, weight_decay=0.02, warmup_steps=20, cosine=True
        )
