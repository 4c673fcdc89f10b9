"""Which images a selection means, what determines each, and whether it is built already. Pure."""
