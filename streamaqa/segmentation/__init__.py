"""From poses to repetitions, phases and sets: online, without a clock."""
