"""What each cell was seen to do: built, ran, gave the known accuracy; when, on which machine."""
