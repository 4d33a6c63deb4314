"""The forms in which a model leaves luce, one a module; `luce.tasks.model_export` chooses."""
