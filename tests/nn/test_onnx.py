"""What heads predict, written as ONNX by PyTorch and run by onnxruntime."""

import io

import pytest
import torch
from nn.heads import HEADS, WIDTH, made
from torch import nn

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore"),  # PyTorch's exporter warns of itself
]

WITHOUT = {
    "MixtureOfSoftmaxes": "PyTorch's exporter has no expm1",
    "MultiScaleSoftmax": "PyTorch's exporter has no expm1",
    "ShardedSoftmax, one process": "a FullSoftmax with its full_state_dict is exported instead",
}


class _Answers(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, hidden):
        return self.head.log_prob(hidden), self.head.predict(hidden)


@pytest.mark.parametrize("name", sorted(HEADS.keys() - WITHOUT))
def test_onnxruntime_predicts_what_the_head_predicts(name):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = _Answers(made(name, dtype=torch.float32))
    content = io.BytesIO()
    hidden = 3 * torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(1))
    torch.onnx.export(
        model, (hidden[:2],), content, dynamo=False, opset_version=17,
        input_names=["hidden"], output_names=["log_prob", "label"],
        dynamic_axes={"hidden": {0: "rows"}},
    )  # fmt: skip
    session = runtime.InferenceSession(content.getvalue(), providers=["CPUExecutionProvider"])
    log_p, label = session.run(None, {"hidden": hidden.numpy()})
    with torch.no_grad():
        expected, answer = model(hidden)
    torch.testing.assert_close(torch.from_numpy(log_p), expected, rtol=1e-4, atol=1e-5)
    assert label.tolist() == answer.tolist()
