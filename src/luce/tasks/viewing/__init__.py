"""What a page about a model shows, as JSON-ready trees; the figures are those of ``eval.json``.

``overview`` says what the model is and how good; ``confusions`` which classes are taken for which;
``examples`` shows evaluated rows; ``pixels`` writes images for a canvas; ``weights`` what was
learnt; ``abstaining`` the risk against the coverage; ``form`` what a row consists of.
"""
