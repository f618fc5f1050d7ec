// The sample below which a value is withheld; the worker says which.

let smallest = 30;
export const smallest_sample = () => smallest;
export const keep_smallest_sample = (n) => {
  smallest = n;
};
