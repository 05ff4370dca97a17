"""Explanations in a process of their own: whatever a model does there, whoever waits gets an answer. No Django.

The process is confined like the sandbox, keeps versions prepared between jobs, and dies alone: by its limits of memory
and processor time, or by the hand of the one who waits.
"""

from explain.isolated.explainer import Explainer, Lost

__all__ = ["Explainer", "Lost"]
