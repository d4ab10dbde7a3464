"""Commands that learn and measure: ``train`` (pretrain, finetune) and ``evaluate``."""
