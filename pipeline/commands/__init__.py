"""The commands, by what they work on; heavy imports happen when a command runs, so that help is quick."""
