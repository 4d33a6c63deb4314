"""The parts of the report: reading a run, figures, pictures, sections, and the page around them.

``record`` reads the run folder; ``figures`` draws with Matplotlib; ``pictures`` makes small images;
``markup`` writes HTML; ``summary``, ``training``, ``errors``, ``weights`` and ``usage`` are the
sections; ``page.html`` and ``page.css`` hold the design. ``luce.tasks.report`` puts them together.
"""
