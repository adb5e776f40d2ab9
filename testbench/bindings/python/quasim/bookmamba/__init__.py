"""The project's own language model: a Mamba-1 trained on public-domain books, from which vectors/bookmamba is made.

    python3 -m quasim.bookmamba.train books_train.txt.xz --valid books_valid.txt.xz -o bookmamba --minutes 22
    scripts/bookmamba.sh bookmamba -o vectors_of_it          # calibrate, capture, bundle

The folder that train writes is one of transformers (config.json, model.safetensors, tokenizer.json), so that quasim import, quasim
calibrate and transformers itself read it. model.Mamba runs any folder of the kind "mamba" without transformers, its scan in one Triton
kernel on a GPU. Needs torch; train needs tokenizers.
"""
