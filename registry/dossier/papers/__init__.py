"""The papers that leave the house: which there are, what each says, in which languages, as PDF, Markdown and JSON.

Everything is made from the dossier's content as JSON alone, so a frozen dossier prints as a living one does.
"""
