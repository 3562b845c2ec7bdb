// The page of a bundle: a picture in, the likeliest classes and the latency out. All files come with the page.

import { prepared } from "./handling.mjs";
import * as ort from "./ort.wasm.min.mjs";

const SHOWN = 3;
const show = (id) => document.getElementById(id);

ort.env.wasm.numThreads = 1; // more would need headers that not every server sends
ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;

const facts = await (await fetch("facts.json")).json();
const session = await ort.InferenceSession.create(facts.artefact, { executionProviders: ["wasm"] });

async function scores(input, shape) {
  const found = await session.run({ [session.inputNames[0]]: new ort.Tensor("float32", input, shape) });
  return found[session.outputNames[0]].data;
}

// The test vectors of the bundle: does the model answer here as it did where it was made?
async function verify() {
  const { shape, outputs } = facts.vectors;
  const inputs = new Float32Array(await (await fetch("vectors.bin")).arrayBuffer());
  const [count, ...one] = shape;
  const size = inputs.length / count;
  let [agree, difference, largest] = [0, 0, 0];
  for (const [row, expected] of outputs.entries()) {
    // one by one, as pictures are asked: a model may take no other batch
    const found = Array.from(await scores(inputs.slice(row * size, (row + 1) * size), [1, ...one]));
    agree += found.indexOf(Math.max(...found)) === expected.indexOf(Math.max(...expected)) ? 1 : 0;
    difference = Math.max(difference, ...found.map((value, k) => Math.abs(value - expected[k])));
    largest = Math.max(largest, ...expected.map(Math.abs));
  }
  return { vectors: outputs.length, agree, difference: difference / largest };
}

async function pixelsOf(file) {
  const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

export async function predict(file) {
  const { crop, channels } = facts.preprocessing;
  const input = prepared(await pixelsOf(file), facts.preprocessing);
  const start = performance.now();
  const found = Array.from(await scores(input, [1, channels.length, ...crop]));
  const took = performance.now() - start;
  const top = Math.max(...found);
  const sum = found.reduce((total, value) => total + Math.exp(value - top), 0);
  return {
    latency: took,
    classes: found
      .map((value, k) => ({ name: facts.classes[k] ?? String(k), probability: Math.exp(value - top) / sum }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, SHOWN),
  };
}

async function answer(file) {
  show("picture").src = URL.createObjectURL(file);
  show("picture").hidden = false;
  const { latency, classes } = await predict(file);
  show("answer").replaceChildren(
    ...classes.map(({ name, probability }) => {
      const row = document.createElement("tr");
      for (const text of [name, `${(100 * probability).toFixed(1)} %`]) row.insertCell().textContent = text;
      return row;
    }),
  );
  show("latency").textContent = `${latency.toFixed(2)} ms in this browser, one thread`;
}

show("model").textContent = facts.model;
const { vectors, agree, difference } = await verify();
const off = `differs by ${difference.toExponential(1)} of the largest output`;
show("state").textContent = `${agree} of ${vectors} test vectors agree; ${off}`;
show("file").disabled = false;
show("file").addEventListener("change", ({ target }) => target.files[0] && answer(target.files[0]));

// a picture named in the address is answered at once: page/?picture=picture.png
const named = new URLSearchParams(location.search).get("picture");
if (named && !named.includes("/")) await answer(await (await fetch(encodeURIComponent(named))).blob());
document.body.dataset.ready = "yes";
