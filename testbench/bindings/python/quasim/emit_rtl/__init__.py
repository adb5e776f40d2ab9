"""quasim emit-rtl: the unit with a layer's program as constants."""
