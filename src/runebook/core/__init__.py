"""The vocabulary: records, ids, errors, limits, clock. Pure; everything else may import it."""
