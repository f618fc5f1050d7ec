"""The simulated world, a step per file: who contacts whom when, what they answer, how it arrives."""
