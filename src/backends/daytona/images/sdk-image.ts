import type { SdkImage } from "../../../contract/image.ts";
import { ConfigError } from "../../../contract/provider-errors.ts";

/**
 * An object that this SDK takes for an `Image` of its own, whichever copy of the SDK made the image: one that is no instance
 * of its class it would silently leave out, and start from the default snapshot.
 *
 * @param onRead Called when the SDK puts the Dockerfile into its request; until then it only uploads files.
 */
export function asImageOf(sdk: unknown, image: SdkImage, onRead: () => void): unknown {
  const Image = (sdk as { Image?: unknown }).Image;
  if (typeof Image !== "function") {
    throw new ConfigError(
      "`sdk`: expected a module with the class `Image`, which an image is built with.",
      { path: "sdk" },
    );
  }
  return Object.create(Image.prototype as object, {
    contextList: { value: image.contextList.map((context) => ({ ...context })) },
    dockerfile: {
      get: () => {
        onRead();
        return image.dockerfile;
      },
    },
  });
}
