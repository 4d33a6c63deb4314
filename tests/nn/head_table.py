"""The table heads x options: what every head can do, each cell a check that raises if it cannot."""

from collections.abc import Callable

from nn import head_options, head_ways

COLUMNS: dict[str, Callable[[str], None]] = {
    "ignore_index": head_options.ignores_rows,
    "NaN in ignored rows": head_options.ignores_rows_of_nan,
    "NaN in rows of weight 0": head_options.leaves_out_rows_of_weight_zero,
    "class weights": head_options.weighs_classes,
    "row weights": head_options.weighs_rows,
    "label smoothing": head_options.smooths_labels,
    "soft targets": head_options.takes_distributions,
    "reductions": head_options.reduces,
    "leading dimensions": head_options.keeps_leading_dimensions,
    "temperature": head_options.divides_by_a_temperature,
    "softcap": head_options.caps_logits,
    "z-loss": head_options.pulls_normalisers,
    "focal": head_options.focuses,
    "normalizer, empty": head_options.knows_normalisers_and_nothing,
    "all at once": head_options.takes_everything_at_once,
    "bf16 autocast": head_ways.runs_under_bf16_autocast,
    "fp16 autocast": head_ways.runs_under_fp16_autocast,
    "bf16 hidden states": head_ways.takes_hidden_states_of_16_bits,
    "torch.compile": head_ways.compiles,
    "torch.func": head_ways.is_a_function,
    "double backward": head_ways.is_differentiable_twice,
    "state_dict": head_ways.keeps_its_state,
    "top-k": head_ways.finds_the_likeliest,
    "sample": head_ways.draws,
    "torch.export": head_ways.is_exported,
    "sum p = 1": head_ways.sums_to_one,
    "training mode": head_ways.trains,
}
