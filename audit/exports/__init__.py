"""Exports of the trail and searches through what is encrypted in it: long work, as jobs that a person asks for."""
