// Decoding of stored JPEGs, off this thread. A picture of 1920 pixels that is shown on 800 is decoded
// at an eighth, a quarter, ... of its size, which takes half of the time.

const EIGHTHS = 8; // a JPEG can be decoded at every eighth of its size

/**
 * How many eighths of a picture's size have at least as many pixels as are shown of it.
 * @param {number} width of the picture
 * @param {number} needed pixels across on which the whole of it is shown
 */
export function eighthsFor(width, needed) {
  if (!("ImageDecoder" in self)) return EIGHTHS;
  return Math.max(1, Math.min(EIGHTHS, Math.ceil((EIGHTHS * needed) / width)));
}

/**
 * Decode a JPEG.
 * @param {Blob} blob
 * @param {[number, number]} size of the picture
 * @param {number} eighths of its size that will do
 * @returns {Promise<ImageBitmap>}
 */
export async function decode(blob, size, eighths) {
  if (eighths >= EIGHTHS) return createImageBitmap(blob);
  const [desiredWidth, desiredHeight] = size.map((pixels) => Math.ceil((pixels * eighths) / EIGHTHS));
  const decoder = new ImageDecoder({
    data: await blob.arrayBuffer(), type: "image/jpeg", desiredWidth, desiredHeight,
  });
  try {
    const { image } = await decoder.decode();
    try {
      return await createImageBitmap(image);
    } finally {
      image.close();
    }
  } finally {
    decoder.close();
  }
}
