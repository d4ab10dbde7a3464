// The pose of the person in a picture, computed in the page: nothing is uploaded.
import * as ort from "./ort/ort.wasm.min.mjs";

const NAMES = ["head", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist",
  "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle"];
const BONES = [[0, 1], [0, 4], [1, 2], [2, 3], [4, 5], [5, 6], [1, 7], [4, 10], [7, 8], [8, 9],
  [10, 11], [11, 12]];

const canvas = document.getElementById("picture");
const state = document.getElementById("state");
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins

const session = await ort.InferenceSession.create("net.onnx");
const size = session.inputMetadata[0].shape[3];
state.textContent = `Ready: a net for ${size} x ${size} pixels`;

// the picture in the corner of a black square, scaled to the net's size
function crop(bitmap) {
  const side = Math.max(bitmap.width, bitmap.height);
  const small = new OffscreenCanvas(size, size).getContext("2d");
  small.fillRect(0, 0, size, size);
  small.imageSmoothingQuality = "high";
  small.drawImage(bitmap, 0, 0, bitmap.width * size / side, bitmap.height * size / side);
  const bytes = small.getImageData(0, 0, size, size).data;
  const pixels = new Float32Array(3 * size * size);
  for (let i = 0; i < size * size; i += 1) {
    for (let c = 0; c < 3; c += 1) pixels[c * size * size + i] = (bytes[4 * i + c] - 127) / 128;
  }
  return { pixels, side };
}

function draw(bitmap, side, coords) {
  const pen = canvas.getContext("2d");
  const scale = canvas.width / side;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, bitmap.width * scale, bitmap.height * scale);
  pen.strokeStyle = "#ffd23f";
  pen.lineWidth = 4;
  for (const [a, b] of BONES) {
    pen.beginPath();
    pen.moveTo(coords[2 * a] * canvas.width, coords[2 * a + 1] * canvas.height);
    pen.lineTo(coords[2 * b] * canvas.width, coords[2 * b + 1] * canvas.height);
    pen.stroke();
  }
}

document.getElementById("file").addEventListener("change", async (event) => {
  const bitmap = await createImageBitmap(event.target.files[0]);
  const { pixels, side } = crop(bitmap);
  const began = performance.now();
  const input = new ort.Tensor("float32", pixels, [1, 3, size, size]);
  const { coords, confidence } = await session.run({ pixels: input });
  const ms = performance.now() - began;
  draw(bitmap, side, coords.data);
  document.getElementById("pose").textContent = NAMES.map((name, k) =>
    [name, ...[coords.data[2 * k], coords.data[2 * k + 1]].map((v) => (v * side - 0.5).toFixed(2)),
      confidence.data[k].toFixed(4)].join(" ")).join("\n");
  state.textContent = `Done in ${ms.toFixed(0)} ms`;
});
