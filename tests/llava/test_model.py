"""Every array that the original computed agrees to 3e-5, in float32 on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from lessons import Original

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import torch

from streamaqa.errors import WindowError
from streamaqa.llava.config import LlavaVideoConfig, Newline, Pool
from streamaqa.llava.model import LlavaVideo, Merged
from streamaqa.llava.passes import Session, generate

NEAR = 3e-5
NEWLINES: tuple[Newline, ...] = ("grid", "frame", "one_token", "no_token")


@pytest.fixture(autouse=True)
def _no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def model(original: Original, **choices: Any) -> LlavaVideo:
    return LlavaVideo.from_pretrained(original.folder, device="cpu", **choices)


def same(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, atol=NEAR, rtol=0)


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("video", ["4f", "8f"])
def test_embeddings_and_logits_are_the_originals(original: Original, newline: str, video: str) -> None:
    asked = model(original, newline=newline)
    ids, videos = original[f"input_ids_{video}"], [original[f"pixel_values_{video}"]]
    same(asked.merge(ids, videos), original[f"inputs_embeds_{newline}_{video}"])
    logits = original.columns(asked(input_ids=ids, videos=videos).logits)
    wanted = original[f"logits_{newline}_4f" if video == "4f" else f"logits_tail_{newline}_8f"]
    same(logits[:, -wanted.shape[1] :], wanted)


@pytest.mark.parametrize(("pool", "newline"), [*(("average", line) for line in NEWLINES), ("max", "grid")])
def test_other_poolings_are_the_originals(original: Original, pool: str, newline: str) -> None:
    asked = model(original, pool=pool, newline=newline)
    ids, videos = original["input_ids_4f"], [original["pixel_values_4f"]]
    same(asked.merge(ids, videos), original[f"inputs_embeds_{pool}_{newline}_4f"])
    wanted = original[f"logits_tail_{pool}_{newline}_4f"]
    same(original.columns(asked(ids, videos).logits)[:, -wanted.shape[1] :], wanted)


def test_each_part_is_the_originals(original: Original) -> None:
    asked = model(original)
    frames = original["pixel_values_4f"]
    tower = asked.model.siglip
    same(
        tower.encoder(inputs_embeds=tower.embeddings(frames)).last_hidden_state,
        original["vision_tower_out_4f"],
    )
    same(asked.see(frames), original["projector_out_4f"])
    same(asked.pool(asked.see(frames)), original["pooled_bilinear_4f"])
    same(model(original, pool="average").pool(asked.see(frames)), original["pooled_average_4f"])


def test_a_single_image_is_not_pooled_and_ends_with_one_newline(original: Original) -> None:
    asked = model(original)
    ids, images = original["input_ids_4f"], [original["pixel_values_4f"][0]]
    same(asked.merge(ids, images), original["image_inputs_embeds"])
    wanted = original["image_logits_tail"]
    same(original.columns(asked(ids, images).logits)[:, -wanted.shape[1] :], wanted)


def test_a_padded_batch_its_mask_labels_and_loss_are_the_originals(original: Original) -> None:
    asked = model(original)
    videos = [original["pixel_values_4f"], original["pixel_values_8f"]]
    given = (
        original["batch_input_ids"],
        videos,
        original["batch_attention_mask_in"],
        original["batch_labels_in"],
    )
    merged = asked.merge_batch(*given)
    same(merged.embeds, original["batch_inputs_embeds"])
    assert torch.equal(merged.mask, original["batch_attention_mask_out"])
    assert torch.equal(merged.labels, original["batch_labels_out"])
    output = asked(*given)
    learned = original["batch_labels_out"] != -100
    same(original.columns(output.logits)[learned], original["batch_logits_at_labels"])
    same(output.loss[None], original["batch_loss"])
    lean = asked(*given, need_logits=False)
    assert lean.logits is None
    same(lean.loss[None], original["batch_loss"])


@pytest.mark.parametrize("newline", ["grid", "one_token"])
@pytest.mark.parametrize("video", ["4f", "8f"])
def test_greedy_tokens_on_the_kept_cache_are_the_originals(
    original: Original, newline: str, video: str
) -> None:
    asked = model(original, newline=newline)
    prompt = original[f"input_ids_{video}"][0].tolist()
    session = Session.open(asked, [prompt], [original[f"pixel_values_{video}"]])
    (said,) = generate(session, end=-1, most=16)
    assert said == original[f"greedy_{newline}_{video}"][0].tolist()


def test_visual_tokens_are_counted_as_they_are_made() -> None:
    for newline in NEWLINES:
        for pool in get_args(Pool):
            config = LlavaVideoConfig.tiny(vocab_size=300).with_choices(newline, pool)
            (tokens,) = LlavaVideo.random(config).visual_tokens([torch.zeros(3, 3, 70, 70)])
            assert len(tokens) == config.visual_tokens(3)
    published = LlavaVideoConfig.published("7b")
    counts = {line: published.with_choices(line).visual_tokens(32) for line in NEWLINES}
    assert counts == {"grid": 6720, "frame": 32 * 197, "one_token": 32 * 196 + 1, "no_token": 32 * 196}


def test_an_adapted_loss_is_the_mean_over_all_labels_of_a_step(original: Original) -> None:
    asked = model(original)
    given = original["batch_input_ids"], [original["pixel_values_4f"], original["pixel_values_8f"]]
    rest = original["batch_attention_mask_in"], original["batch_labels_in"]
    mean = asked(*given, *rest).loss
    learned = int((original["batch_labels_out"][:, 1:] != -100).sum())
    torch.testing.assert_close(asked(*given, *rest, num_items_in_batch=2 * learned).loss, mean / 2)


def test_videos_that_cannot_be_shown_are_refused(original: Original) -> None:
    asked = model(original)
    ids, video = original["input_ids_4f"], original["pixel_values_4f"]
    holes = video.clone()
    holes[1, 2, 3, 4] = torch.inf
    for given, said in (
        ([], "1 videos, 0"),
        ([video[:0]], "no frames"),
        ([video[..., :60]], "wanted"),
        ([holes], "finite"),
    ):
        with pytest.raises(WindowError, match=said):
            asked.merge(ids, given)


def test_an_unmasked_prefill_is_a_masked_one(original: Original) -> None:
    asked = model(original)
    merged = asked.merge_batch(original["input_ids_4f"], [original["pixel_values_4f"]])
    plain, padded = Session(asked), Session(asked)
    plain.prefill(merged)
    more = torch.nn.functional.pad(merged.embeds, (0, 0, 0, 3))
    padded.prefill(Merged(more, torch.nn.functional.pad(merged.mask, (0, 3)), merged.labels))
    torch.testing.assert_close(plain.first, padded.first, atol=NEAR, rtol=0)
