"""kincap's own detector of people: ``finetune.finetune_detector`` trains it on whole frames."""
