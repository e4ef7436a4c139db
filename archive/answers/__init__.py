"""A search seen from other sides: concordance, counts, uses over time, definitions, briefs, files, sound."""
