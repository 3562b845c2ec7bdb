# Each target sets up what it needs in .venv by itself; a machine needs Python 3.11, make and the package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= runs/demo
DEMO_TEXT ?= runs/demo-text
DEMO_SPEECH ?= runs/demo-speech
DEMO_TRANSLATION ?= runs/demo-translation
DEMO_VIDEO ?= runs/demo-video
DEMO_CODEC ?= runs/demo-codec
QUICK ?=
# A demo needs what its model needs; where everything is there already, that will do.
NEEDS = $(if $(wildcard $(READY)),$(READY),$(VENV)/.for-$(1))

.PHONY: demo demo-text demo-speech demo-translation demo-video demo-codec test test-all check format clean

demo: $(call NEEDS,plain)
	$(BIN)/lissom compress zoo:sample --data fashion-mnist --download \
	  --budget "size<=2%, latency<=15%, drop<=0.5pt" --target onnxruntime --time-limit 4m $(QUICK) -o $(DEMO)

demo-text: $(call NEEDS,text)
	$(BIN)/lissom compress zoo:minilm_l6_h384 --data movie-reviews --task text --length 64 --download \
	  --plan tinybert --epochs 2 --budget "latency<=20%, size<=20%, drop<=3pt" --time-limit 10m $(QUICK) -o $(DEMO_TEXT)

demo-speech: $(call NEEDS,speech)
	$(BIN)/lissom compress zoo:ds_cnn_m --data synthetic-words --task speech --download \
	  --budget "size<=25KB, latency<=1ms, drop<=1pt" --epochs 160 --time-limit 11m $(QUICK) -o $(DEMO_SPEECH)

demo-translation: $(call NEEDS,translation)
	$(BIN)/lissom compress zoo:translator_en_de --data libreoffice-help-en-de --task translation --download \
	  --plan shallow-decoder --epochs 12 --budget "latency<=40%, size<=20%, drop<=3pt" --time-limit 12m $(QUICK) \
	  -o $(DEMO_TRANSLATION)

demo-video: $(call NEEDS,video)
	$(BIN)/lissom compress zoo:tsm_rgbdiff_mobilenet_v2 --data motions --task video --download \
	  --budget "latency<=30%, size<=20%, drop<=1pt" --target onnxruntime --time-limit 11m $(QUICK) -o $(DEMO_VIDEO)

demo-codec: $(call NEEDS,codec)
	$(BIN)/lissom compress zoo:codec --data clips --task codec --download \
	  --budget "macs<=40%, drop<=5pt" --time-limit 10m $(QUICK) -o $(DEMO_CODEC)

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-all: $(READY)
	$(BIN)/pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs/demo runs/demo-*

EXTRAS := dev,timm,text,translation,speech,video,codec,lite0,targets,datasets,accelerate,ray

define INSTALL
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.$(1)'
	touch $@
endef

$(READY): pyproject.toml constraints.txt
	$(call INSTALL,[$(EXTRAS)])

$(VENV)/.for-%: pyproject.toml constraints.txt
	$(call INSTALL,$(if $(filter plain,$*),,[$*]))
