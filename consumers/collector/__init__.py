"""Collector: what nobody wants any more goes, announced before and recorded after."""
