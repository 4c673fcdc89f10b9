"""From planned images to images in the engine: bake file, progress, schedule, journal, view, failure table."""
