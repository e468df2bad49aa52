"""Trains a classifier on scikit-learn's handwritten digits and prints how well it does on digits it never saw."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC


def main() -> None:
    images, labels = load_digits(return_X_y=True)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.25, random_state=0
    )
    model = SVC(gamma=0.001).fit(train_images, train_labels)
    accuracy = model.score(test_images, test_labels)
    print(f"{len(test_labels)} digits never seen in training, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
