/** Whether a content is a stored video or a live stream, where no offer says so. */
import { CID } from 'multiformats/cid';

const dagPb = 0x70;

/** The CID of a stored video is that of a file's DAG; a live stream's is that of its announcement, one raw block (8). */
export function looksStored(cid: string): boolean {
  try {
    return CID.parse(cid).code === dagPb;
  } catch {
    return false;
  }
}
