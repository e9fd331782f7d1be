"""From a release to a tuned model and its measure: trainers' formats, a safe training, items, predictions, scores."""
