"""The work behind the DermaSynth dataset: raw releases in, a Hub repository out."""

__version__ = "0.1.0"
