"""Drawn images and invented answers; nothing real knows them."""
