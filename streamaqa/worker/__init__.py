"""The GPU worker: a web service that reads windows with LLaVA-Video.

    body -> admission -> decoding threads -> line (earliest deadline first) -> batches -> answer

`line` and `rates` decide who runs when, without clock, loop or torch; `service` runs what they decide; `app`
and `server` put HTTP before it; `engine` is the seam to the model, and only `llava_engine` imports torch.
"""
